// Figures are drawn before they are on the page, and a sidebar that opens is no resized window: whenever the width
// of the panel changes, or a figure has been drawn, those that are responsive are told to look at their own.
export default {
  render({ el }) {
    el.style.height = "0";
    let waiting;
    const fit = () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => dispatchEvent(new Event("resize")), 50);
    };
    let width = -1;
    const observer = new ResizeObserver(() => {
      if (el.clientWidth !== width) {
        width = el.clientWidth;
        fit();
      }
    });
    observer.observe(el);
    document.addEventListener("plotlywidget-after-render", fit);
    return () => {
      observer.disconnect();
      document.removeEventListener("plotlywidget-after-render", fit);
    };
  },
};
