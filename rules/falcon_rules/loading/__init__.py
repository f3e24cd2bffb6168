"""What several rule files together define: order, redefinition, append and override.

Here belong definitions and their combination. Whether a definition makes sense to the engine
(macros that exist, fields, types) is the compiler's business.
"""
