"""Writers of documents: the same facts as Markdown, HTML and PDF."""
