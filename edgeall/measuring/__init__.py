"""Taking measurements on a device: what (`plan`), how (`passes`), in which order (`conduct`), on what (`environment`).

Field tier only. Raw figures leave it (`records`); what they mean is worked out elsewhere.
"""
