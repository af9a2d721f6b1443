# build {"labels": {"b": "flag", "c": "flag"}}
FROM basis
LABEL a=file b=file
