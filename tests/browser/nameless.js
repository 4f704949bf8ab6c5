// Controls without a name, pictures without one, and ids that are there twice.
() => {
    const wrong = [];
    for (const one of document.querySelectorAll("button, a[href], input, select, textarea, [role=img], img, [role=slider]")) {
        if (!one.checkVisibility()) continue;
        const labels = [...(one.labels ?? [])].map((label) => label.textContent).join("");
        const by = one.getAttribute("aria-labelledby");
        const name = one.getAttribute("aria-label") || (by && document.getElementById(by)?.textContent) || one.textContent.trim()
            || labels || one.alt || one.title || one.placeholder;
        if (!name && one.getAttribute("aria-hidden") !== "true" && one.alt !== "") wrong.push(one.outerHTML.slice(0, 120));
    }
    const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
    return wrong.concat(ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `id twice: ${id}`));
}
