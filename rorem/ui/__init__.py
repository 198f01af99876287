"""The app: what a visitor sees and the small server behind it. Only this folder and app.py know Gradio."""
