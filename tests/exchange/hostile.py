"""More than 500 files that mean no good, by family.

Each is refused with a sentence, or its lines are named with a reason, or what it holds comes in as plain data.
`tests/exchange/test_hostile.py` reads them, and `tests/bench/hostile.py` measures what that takes.
"""

from tests.exchange import hostile_files, hostile_lines, hostile_parquet, hostile_rows

FAMILIES = (
    hostile_lines.syntax,
    hostile_lines.numbers,
    hostile_lines.depth,
    hostile_lines.encodings,
    hostile_lines.seen,
    hostile_rows.types,
    hostile_rows.missing,
    hostile_rows.orders,
    hostile_rows.trees,
    hostile_files.tables,
    hostile_files.formulas,
    hostile_parquet.broken,
    hostile_parquet.bombs,
    hostile_parquet.cells,
    hostile_files.disguises,
    hostile_files.names,
    hostile_files.empties,
    hostile_files.sizes,
)
