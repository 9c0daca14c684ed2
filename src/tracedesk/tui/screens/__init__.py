"""Whole screens: the workbench and the modal ones over it."""
