"""MicroPython's `micropython` for CPython: what changes only how code is compiled does nothing here."""


def const(value):
    return value


def viper(function):
    return function


def native(function):
    return function
