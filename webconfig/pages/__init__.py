"""The pages, one file for each subject. Each names its routes in `ROUTES`; `webconfig/table.py` collects them."""
