"""How Qt's own widgets look: flat bars and tabs, thin lines, round buttons, of which only the one to press is filled.

Fields with arrows and boxes with ticks are Fusion's own: a style sheet would need pictures for what is in them.
"""

from __future__ import annotations

from PySide6.QtGui import QColor

from .theme import Theme

#: Pixels: corners of buttons, and of the handles of scroll bars.
_ROUND, _HANDLE = 5, 4


def style_sheet(theme: Theme) -> str:
    """The application's style sheet in a theme's colours."""
    over = _mixed(theme.raised, theme.text, 0.06)
    down = _mixed(theme.raised, theme.text, 0.12)
    chosen = _mixed(theme.raised, theme.accent, 0.16)
    edge = _mixed(theme.border, theme.text, 0.12)
    handle = _mixed(theme.window, theme.muted, 0.45)
    accent_over = _mixed(theme.accent, theme.text, 0.14)
    return f"""
QMenuBar {{ background: {theme.window}; border: none; padding: 1px 4px; }}
QMenuBar::item {{ background: transparent; padding: 3px 8px; border-radius: {_ROUND}px; }}
QMenuBar::item:selected {{ background: {down}; color: {theme.text}; }}
QMenuBar::item:disabled {{ color: {theme.muted}; }}
QToolBar {{ background: {theme.window}; border: none; border-bottom: 1px solid {theme.border}; padding: 0 6px 3px 6px;
    spacing: 1px; }}
QToolBar QToolButton {{ padding: 3px 7px; }}
QToolBar QToolButton:focus {{ padding: 2px 6px; }}
QToolBar QToolButton#qt_toolbar_ext_button {{ padding: 0; }}
QToolBar::separator {{ background: {theme.border}; width: 1px; margin: 5px 6px; }}
QStatusBar {{ background: {theme.window}; border-top: 1px solid {theme.border}; }}
QStatusBar::item {{ border: none; }}

QPushButton, QToolButton {{ background: {theme.raised}; color: {theme.text}; border: 1px solid {edge};
    border-radius: {_ROUND}px; padding: 3px 10px; }}
QToolButton {{ padding: 2px; }}
QAbstractSpinBox {{ min-height: 19px; }}
QPushButton:hover, QToolButton:hover {{ background: {over}; }}
QPushButton:pressed, QToolButton:pressed, QToolButton:open {{ background: {down}; }}
QPushButton:disabled, QToolButton:disabled {{ background: {theme.window}; color: {theme.muted};
    border-color: {theme.border}; }}
QPushButton:default, QPushButton[primary="true"] {{ background: {theme.accent}; color: {theme.on_accent};
    border-color: {theme.accent}; }}
QPushButton:default:hover, QPushButton[primary="true"]:hover {{ background: {accent_over}; }}
QPushButton:default:disabled, QPushButton[primary="true"]:disabled {{ background: {over}; color: {theme.muted};
    border-color: {theme.border}; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QPushButton:flat {{ background: transparent; border-color: transparent; }}
QPushButton:flat:hover {{ background: {down}; }}
QPushButton:focus, QToolButton:focus {{ border: 2px solid {theme.accent}; padding: 2px 9px; }}
QToolButton:focus {{ padding: 1px; }}
QPushButton:default:focus, QPushButton[primary="true"]:focus {{ border-color: {theme.text}; }}
QToolButton:checked {{ background: {chosen}; border-color: {theme.accent}; }}
QToolButton[popupMode="2"] {{ padding-right: 13px; }}
QToolButton[popupMode="2"]:focus {{ padding-right: 12px; }}
QToolButton::menu-indicator {{ subcontrol-origin: padding; subcontrol-position: right center; right: 4px; width: 9px;
    height: 9px; }}
QToolButton[autoRaise="true"] {{ background: transparent; border-color: transparent; }}
QToolButton[autoRaise="true"]:hover {{ background: {down}; }}
QToolButton[autoRaise="true"]:focus {{ border-color: {theme.accent}; }}

QTabBar {{ background: transparent; qproperty-drawBase: 0; }}
QTabBar::tab {{ background: transparent; color: {theme.muted}; border: none; border-bottom: 2px solid transparent;
    padding: 5px 11px 4px 11px; margin: 0; }}
QTabBar::tab:bottom {{ border-bottom: none; border-top: 2px solid transparent; padding: 3px 11px 4px 11px; }}
QTabBar::tab:hover {{ color: {theme.text}; background: {over}; }}
QTabBar::tab:selected {{ color: {theme.text}; border-color: {theme.accent}; }}
QTabBar::tab:focus {{ color: {theme.accent}; }}
QTabBar::tab:disabled {{ color: {theme.muted}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {theme.border}; top: -1px; }}

QFrame#demo-box {{ background: {theme.surface}; border: 1px solid {theme.border}; border-radius: 8px; }}
QDockWidget::title {{ background: {theme.window}; text-align: left; padding: 4px 8px 4px 8px; }}
QDockWidget::close-button, QDockWidget::float-button {{ border: none; border-radius: {_ROUND}px; padding: 1px;
    background: transparent; }}
QDockWidget::close-button:hover, QDockWidget::float-button:hover {{ background: {down}; }}
QMainWindow::separator {{ background: {theme.border}; width: 1px; height: 1px; margin: 0; }}
QMainWindow::separator:hover {{ background: {theme.accent}; }}
QSplitter::handle {{ background: transparent; }}
QSplitter::handle:hover {{ background: {down}; }}

QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QHeaderView {{ background: {theme.surface}; border: none; }}
QHeaderView::section {{ background: {theme.surface}; color: {theme.muted}; border: none;
    border-bottom: 1px solid {theme.border}; padding: 4px 6px; }}
QTableView QTableCornerButton::section {{ background: {theme.surface}; border: none;
    border-bottom: 1px solid {theme.border}; }}

QScrollBar {{ background: transparent; border: none; margin: 0; }}
QScrollBar:vertical {{ width: 12px; }}
QScrollBar:horizontal {{ height: 12px; }}
QScrollBar::handle {{ background: {handle}; border: none; border-radius: {_HANDLE}px; }}
QScrollBar::handle:vertical {{ min-height: 32px; margin: 1px 2px; }}
QScrollBar::handle:horizontal {{ min-width: 32px; margin: 2px 1px; }}
QScrollBar::handle:hover {{ background: {theme.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; border: none; background: none; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""


def _mixed(ground: str, other: str, share: float) -> str:
    """A colour with a share of another in it."""
    one, two = QColor(ground), QColor(other)
    pairs = ((one.red(), two.red()), (one.green(), two.green()), (one.blue(), two.blue()))
    return QColor(*(round(a + share * (b - a)) for a, b in pairs)).name()
