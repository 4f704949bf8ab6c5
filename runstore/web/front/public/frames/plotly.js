/* In a frame without an origin: draws the figure that the page around it sends, and says what is wrong. */
const say = (words) => parent.postMessage(words, "*"); // this frame has no origin, and tells nothing that is secret

addEventListener("message", (event) => {
  if (event.source !== parent || typeof event.data?.figure !== "string") return;
  let figure;
  try {
    figure = JSON.parse(event.data.figure);
  } catch {
    // NaN and the infinities, which Python writes bare, are gaps to Plotly; inside texts they stay.
    const bare = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;
    try {
      figure = JSON.parse(event.data.figure.replace(bare, (found) => (found[0] === '"' ? found : "null")));
    } catch (error) {
      return say({ trouble: `The figure is no JSON: ${error.message}` });
    }
  }
  const layout = { ...figure.layout, autosize: true };
  delete layout.width;
  delete layout.height;
  Plotly.newPlot("figure", figure.data ?? [], layout, { responsive: true, displaylogo: false, showLink: false, plotlyServerURL: "" })
    .catch((error) => say({ trouble: `Plotly can't draw it: ${error.message}` }));
});

if (typeof Plotly === "undefined") {
  say({ trouble: "The library that draws figures is not on the server's machine: pip install plotly there." });
} else {
  say({ ready: true });
}
