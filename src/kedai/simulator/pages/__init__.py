"""HTML pages for people: the consent page and the front page; no script, styles inlined."""
