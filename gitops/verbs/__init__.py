"""A verb is a module with ``run(arguments) -> exit code`` and what it takes.

``ARGUMENTS`` are callables that each add something to the verb's parser; where one depends on another it is the one
function ``add_arguments(parser)`` instead. ``EPILOG`` and ``DESCRIPTION`` are optional.
"""
