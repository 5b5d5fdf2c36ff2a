for (const list of document.querySelectorAll(".filter")) {
  list.hidden = false;
  list.addEventListener("change", ({ target }) => {
    for (const one of document.querySelectorAll("[data-kinds]"))
      one.hidden = target.value !== "" && !one.dataset.kinds.split("|").includes(target.value);
  });
}
const closed = [];
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details:not([open])")) {
    one.open = true;
    closed.push(one);
  }
});
addEventListener("afterprint", () => {
  for (const one of closed.splice(0)) one.open = false;
});
