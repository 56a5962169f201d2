"""The look: Gradio's components wear the variables of `assets/theme/page.css`.

The stylesheet holds every colour for light and dark; here each of Gradio's own variables is told which of them to be,
so that there is one place for a colour. Fonts are the system's, by name: a theme with a web font would ask the
internet.
"""

from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).resolve().parents[1] / "assets"

STYLES = (
    "page", "frame", "pieces", "charts", "components", "narrow", "start", "data", "data-examples", "data-versions",
    "evaluate", "data-clean", "data-topics", "data-privacy", "data-duplicates", "train", "train-models", "train-runs",
    "train-history", "chat", "ship",
)  # fmt: skip
"""The stylesheet's files in `assets/theme`, in the order in which they override each other."""

FONTS = ("-apple-system", "Segoe UI Variable Text", "Segoe UI", "Roboto", "Noto Sans", "Cantarell", "Ubuntu")
FONTS_LAST = ("Liberation Sans", "Arial", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Cascadia Mono", "Consolas", "Liberation Mono", "monospace")

ACCENT, STRONG, ON_ACCENT = "var(--td-accent)", "var(--td-accent-strong)", "var(--td-on-accent)"
PAPER, WASH, CARD = "var(--td-paper)", "var(--td-wash)", "var(--td-card)"
INK, SOFT, FAINT = "var(--td-ink)", "var(--td-soft)", "var(--td-faint)"
LINE, EDGE, BAD = "var(--td-line)", "var(--td-edge)", "var(--td-bad)"

LOOK = {
    # Page
    "body_text_color": INK,
    "body_text_color_subdued": SOFT,
    "background_fill_primary": PAPER,
    "background_fill_secondary": WASH,
    "border_color_primary": LINE,
    "border_color_accent": ACCENT,
    "border_color_accent_subdued": LINE,
    "color_accent": ACCENT,
    "color_accent_soft": "var(--td-accent-wash)",
    "link_text_color": ACCENT,
    "link_text_color_hover": STRONG,
    "link_text_color_active": STRONG,
    "link_text_color_visited": ACCENT,
    "code_background_fill": WASH,
    "loader_color": ACCENT,
    "slider_color": ACCENT,
    "stat_background_fill": ACCENT,
    # Blocks: the frame is drawn where it means something, so most have none
    "block_background_fill": "transparent",
    "block_border_color": LINE,
    "block_border_width": "0px",
    "block_padding": "0px",
    "block_radius": "10px",
    "block_shadow": "none",
    "block_info_text_color": FAINT,
    "block_info_text_size": "0.87rem",
    "block_label_background_fill": "transparent",
    "block_label_border_width": "0px",
    "block_label_text_color": INK,
    "block_label_text_size": "0.92rem",
    "block_label_text_weight": "560",
    "block_title_text_color": INK,
    "block_title_text_size": "0.92rem",
    "block_title_text_weight": "560",
    "block_title_background_fill": "transparent",
    "block_title_border_width": "0px",
    "container_radius": "10px",
    "form_gap_width": "0px",
    "layout_gap": "20px",
    "panel_background_fill": "transparent",
    "panel_border_width": "0px",
    "accordion_text_color": INK,
    "shadow_drop": "none",
    "shadow_drop_lg": "var(--td-shadow)",
    "shadow_inset": "none",
    "shadow_spread": "0px",
    # Inputs
    "input_background_fill": CARD,
    "input_background_fill_focus": CARD,
    "input_background_fill_hover": CARD,
    "input_border_color": EDGE,
    "input_border_color_focus": ACCENT,
    "input_border_color_hover": SOFT,
    "input_border_width": "1px",
    "input_padding": "10px 12px",
    "input_placeholder_color": FAINT,
    "input_radius": "8px",
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "input_text_size": "1rem",
    "checkbox_background_color": CARD,
    "checkbox_background_color_focus": CARD,
    "checkbox_background_color_hover": CARD,
    "checkbox_background_color_selected": ACCENT,
    "checkbox_border_color": EDGE,
    "checkbox_border_color_focus": ACCENT,
    "checkbox_border_color_hover": ACCENT,
    "checkbox_border_color_selected": ACCENT,
    "checkbox_label_background_fill": CARD,
    "checkbox_label_background_fill_hover": WASH,
    "checkbox_label_background_fill_selected": "var(--td-accent-wash)",
    "checkbox_label_border_color": LINE,
    "checkbox_label_border_color_hover": EDGE,
    "checkbox_label_border_color_selected": ACCENT,
    "checkbox_label_border_width": "1px",
    "checkbox_label_padding": "10px 14px",
    "checkbox_label_shadow": "none",
    "checkbox_label_text_color": INK,
    "checkbox_label_text_color_selected": INK,
    "checkbox_label_text_size": "0.95rem",
    # Tables
    "table_border_color": LINE,
    "table_even_background_fill": PAPER,
    "table_odd_background_fill": PAPER,
    "table_row_focus": "var(--td-accent-wash)",
    "table_text_color": INK,
    "table_radius": "10px",
    # Buttons
    "button_border_width": "1px",
    "button_transform_active": "none",
    "button_transform_hover": "none",
    "button_large_radius": "10px",
    "button_medium_radius": "10px",
    "button_small_radius": "8px",
    "button_large_padding": "10px 18px",
    "button_medium_padding": "8px 14px",
    "button_small_padding": "5px 11px",
    "button_large_text_size": "0.97rem",
    "button_medium_text_size": "0.93rem",
    "button_small_text_size": "0.87rem",
    "button_large_text_weight": "600",
    "button_medium_text_weight": "550",
    "button_small_text_weight": "550",
    "button_primary_background_fill": ACCENT,
    "button_primary_background_fill_hover": STRONG,
    "button_primary_border_color": ACCENT,
    "button_primary_border_color_hover": STRONG,
    "button_primary_text_color": ON_ACCENT,
    "button_primary_text_color_hover": ON_ACCENT,
    "button_primary_shadow": "none",
    "button_primary_shadow_hover": "none",
    "button_primary_shadow_active": "none",
    "button_secondary_background_fill": CARD,
    "button_secondary_background_fill_hover": WASH,
    "button_secondary_border_color": EDGE,
    "button_secondary_border_color_hover": SOFT,
    "button_secondary_text_color": INK,
    "button_secondary_text_color_hover": INK,
    "button_secondary_shadow": "none",
    "button_secondary_shadow_hover": "none",
    "button_secondary_shadow_active": "none",
    "button_cancel_background_fill": CARD,
    "button_cancel_background_fill_hover": "var(--td-bad-wash)",
    "button_cancel_border_color": BAD,
    "button_cancel_border_color_hover": BAD,
    "button_cancel_text_color": BAD,
    "button_cancel_text_color_hover": BAD,
    "button_cancel_shadow": "none",
    "button_cancel_shadow_hover": "none",
    "button_cancel_shadow_active": "none",
    "error_background_fill": "var(--td-bad-wash)",
    "error_border_color": BAD,
    "error_text_color": BAD,
    "error_icon_color": BAD,
}


def theme() -> gr.themes.Base:
    """Gradio's plainest theme in the variables of the stylesheet; hand it to `launch(theme=...)`."""
    base = gr.themes.Base(font=(*FONTS, *FONTS_LAST), font_mono=MONO)
    # Dark values are separate in Gradio; here a variable is both, and the stylesheet switches it.
    dark = {f"{name}_dark": value for name, value in LOOK.items() if f"{name}_dark" in vars(base)}
    return base.set(
        # Plain colours for the moment before the stylesheet is there.
        body_background_fill="#ffffff",
        body_background_fill_dark="#0e1210",
        **LOOK,
        **dark,
    )


def head() -> str:
    """Stylesheet and script for the page's head; hand it to `launch(head=...)`.

    Not through `launch(css=...)`, which would rewrite every selector to stay inside Gradio's container: the notices and
    the page itself are outside it.
    """
    page, *nested = ((ASSETS / "theme" / f"{name}.css").read_text(encoding="utf-8") for name in STYLES)
    style = f"{page}body:not(#_) {{\n{''.join(nested)}}}\n"
    script = (ASSETS / "shell.js").read_text(encoding="utf-8")
    return f"<style>{style}</style><script>{script}</script>"
