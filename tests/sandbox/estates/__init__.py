"""Tests of generated estates."""
