"""A recording of acceleration on a person's machine: what is in it, in numbers and as a picture. Floating point, by numpy."""
