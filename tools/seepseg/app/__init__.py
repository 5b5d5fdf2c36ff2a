"""The page: what Streamlit shows, with no geometry and no model code of its own."""
