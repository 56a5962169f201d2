"""What a person sees: the Gradio studio, and nothing that computes."""

from studio.lighter import skip_stubs

skip_stubs()
