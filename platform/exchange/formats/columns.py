"""Types of columns, as `datasets.Features.from_dict` takes them."""

from typing import Any

Columns = dict[str, Any]

TEXT: Columns = {"dtype": "string", "_type": "Value"}
WHOLE: Columns = {"dtype": "int64", "_type": "Value"}
NUMBER: Columns = {"dtype": "float64", "_type": "Value"}
TRUTH: Columns = {"dtype": "bool", "_type": "Value"}
WORDS: Columns = {"feature": TEXT, "_type": "List"}
MESSAGES: Columns = {"feature": {"role": TEXT, "content": TEXT}, "_type": "List"}
PROMPT: Columns = {"id": TEXT, "messages": MESSAGES, "tags": WORDS, "suspicious": WORDS}
