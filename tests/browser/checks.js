/** What the tests of every page ask of a page: each function returns a list of sentences about what is wrong. */

window.checks = (() => {
  const OPERABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary";

  const said = (element) => {
    // Not the text as it is rendered: that changes with the focus, where a key is shown beside its label.
    const words = element.getAttribute("aria-label") || element.textContent || element.name || "";
    const name = words.trim().replace(/\s+/g, " ").slice(0, 40);
    return `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ""} "${name}"`;
  };

  /** The open dialog if there is one: what is behind it cannot be reached. */
  const reachable = () => document.querySelector("dialog:modal") ?? document.body;

  /** Kept for screen readers only, itself or by what it lies in; or waiting beside the page as the skip link does. */
  const isAside = (element) => {
    for (let each = element; each; each = each.parentElement) if (getComputedStyle(each).clipPath === "inset(50%)") return true;
    return element.getBoundingClientRect().right < 0;
  };

  const isShown = (element) => {
    const { width, height } = element.getBoundingClientRect();
    const visible = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    return width > 1 && height > 1 && visible && !isAside(element);
  };

  const operable = () => [...reachable().querySelectorAll(OPERABLE)].filter(isShown);

  function sideways() {
    const { scrollWidth } = document.documentElement;
    if (scrollWidth <= innerWidth) return [];
    const wide = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > innerWidth + 1);
    return [`the page is ${scrollWidth} wide on a screen of ${innerWidth}: ${wide.slice(0, 3).map(said).join(", ")}`];
  }

  /** Controls whose middle is covered by something else once they are scrolled to. */
  function covered() {
    const found = operable().filter((element) => {
      element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      const { left, top, width, height } = element.getBoundingClientRect();
      const there = document.elementFromPoint(left + width / 2, top + height / 2);
      const label = element.labels?.[0] ?? element.closest("label");
      return !there || !(element.contains(there) || there.contains(element) || label?.contains(there));
    });
    scrollTo(0, 0);
    return found.map((element) => `${said(element)} is covered`);
  }

  /** What would move although the person asked for no movement. */
  function moving() {
    const running = document.getAnimations().map((animation) => `${said(animation.effect.target)} is animated`);
    const still = new Set(["none", "opacity", "color", "background-color", "border-color"]);
    const slow = (times) => times.split(",").some((time) => Number.parseFloat(time) > 0);
    const would = [...document.querySelectorAll("body *")].filter((element) => {
      const { transitionProperty, transitionDuration } = getComputedStyle(element);
      return slow(transitionDuration) && transitionProperty.split(", ").some((property) => !still.has(property));
    });
    return [...running, ...would.map((element) => `${said(element)} would move`)];
  }

  /** Controls that nothing shows where the system draws every colour: no border, no underline, no words. */
  function faceless() {
    const drawn = (element) => {
      // Both panes of a turn stand in one frame, which shows the focus too.
      const style = getComputedStyle(element.closest(".panes") ?? element);
      const bordered = Number.parseFloat(style.borderTopWidth) > 0 && style.borderTopStyle !== "none";
      return bordered || element.innerText?.trim() || element.querySelector("svg") || element.matches("[type=radio], [type=checkbox]");
    };
    return operable().filter((element) => !drawn(element)).map((element) => `${said(element)} cannot be seen`);
  }

  /** The element with the focus, as a sentence; empty where the page itself has it. */
  function focused() {
    const element = document.activeElement;
    return element && element !== document.body ? said(element) : "";
  }

  /** What is wrong with how the focus is shown. */
  function focus() {
    const element = document.activeElement;
    // What scrolls gets the focus too, and may be taller than the screen.
    if (!element.matches(OPERABLE)) return [];
    const shown = element.closest("label, summary") ?? element;
    const box = shown.getBoundingClientRect();
    const drawn = [element, element.nextElementSibling, shown, element.closest(".panes")].some((each) => {
      const style = each && getComputedStyle(each);
      return style && style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) > 0;
    });
    const inView = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    const there = document.elementFromPoint(
      Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1),
      Math.min(Math.max(box.top + box.height / 2, 1), innerHeight - 1),
    );
    const wrong = [];
    if (!drawn) wrong.push("nothing shows that it has the focus");
    if (!inView) wrong.push("it is out of view");
    else if (there && !shown.contains(there) && !there.contains(shown)) wrong.push(`${said(there)} lies over it`);
    return wrong.map((what) => `${said(element)}: ${what}`);
  }

  /** Let the next Tab find the first stop of the page. */
  function beginAgain() {
    const first = document.createElement("span");
    first.tabIndex = -1;
    document.body.prepend(first);
    first.focus();
    first.remove();
  }

  /** Where Tab has to stop: what can be operated, for screen readers too. Of radio buttons of one name, one. */
  function stops() {
    const stopOf = ({ name, form }) => {
      const group = [...(form ?? document).querySelectorAll(`input[type=radio][name="${name}"]`)];
      return group.find((each) => each.checked) ?? group[0];
    };
    return [...reachable().querySelectorAll(OPERABLE)].filter((element) => {
      const visible = element.checkVisibility({ visibilityProperty: true });
      if (!visible || element.tabIndex < 0 || element.disabled) return false;
      return element.type !== "radio" || element === stopOf(element);
    }).map(said);
  }

  return { sideways, covered, moving, faceless, focused, focus, beginAgain, stops };
})();
