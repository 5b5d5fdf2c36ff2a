"""The page, for `seepseg app`; streamlit_app.py in the repository is the same."""

from seepseg.app.main import main

main()
