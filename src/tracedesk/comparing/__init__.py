"""Two traces held against each other, and one trace at its moments. Nothing here is kept or
painted; whatever takes long is for workers.
"""
