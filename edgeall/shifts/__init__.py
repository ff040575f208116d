"""Changes of pictures that imitate other laboratories, cameras and microscopes.

`changes` holds the changes; `mild` the few that an export and the description of a domain use; `corruptions` eight at
five strengths each, which a bench measures. A change applies to RGB bytes of the model's square, before preprocessing.
It is not random: the same picture gives the same pixels, so that models are compared on the same ones.
"""
