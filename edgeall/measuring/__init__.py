"""Taking measurements on a device: what (`plan`), how (`measurements`), in which order (`runner`), on what
(`environment`).

Field tier only. Raw figures leave it (`records`); what they mean is worked out elsewhere.
"""
