"""What a person sees: the Gradio studio, and nothing that computes."""
