"""The judge behind ``semantic``: provider, prompt, cache, budget (assertion spec 6.8).

Nothing here is imported until a judge is configured, and the library that speaks to models
not before the first question.
"""
