/** The choice between light, dark and the system's colours; kept in this browser. */

const order = ['auto', 'light', 'dark'];
const signs = { auto: '◐', light: '☀', dark: '☾' };
const storageKey = 'ttai.inspect.theme';

/** Applies the kept choice and lets a button change it. */
export function setUpTheme(button) {
  let theme = order.includes(read()) ? read() : 'auto';
  const apply = () => {
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    if (!button) return;
    button.textContent = signs[theme];
    button.setAttribute('aria-label', `Colours: ${theme === 'auto' ? 'as the system' : theme}`);
    button.title = button.getAttribute('aria-label');
  };
  button?.addEventListener('click', () => {
    theme = order[(order.indexOf(theme) + 1) % order.length];
    try {
      localStorage.setItem(storageKey, theme);
    } catch {
      // Storage may be switched off; then the choice lasts as long as the page.
    }
    apply();
  });
  apply();
}

function read() {
  try {
    return localStorage.getItem(storageKey);
  } catch {
    return null;
  }
}
