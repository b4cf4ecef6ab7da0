"""Crystals pushed off equilibrium step by step, and frameworks: does agreement last?"""
