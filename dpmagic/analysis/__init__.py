"""One module a question: a function from an estate, or from tables, to a DataFrame that answers it."""
