"""The page of seepseg, for `streamlit run streamlit_app.py`; `seepseg app` opens the same."""

from seepseg.app.main import main

main()
