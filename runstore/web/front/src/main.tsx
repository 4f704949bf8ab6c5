import { render } from "preact";
import { takeToken } from "./shell/api";
import { App } from "./shell/app";
import { beginPolling } from "./shell/changes";
import { listenToKeys } from "./shell/keys";
import { followLinks } from "./shell/router";
import { followTheme } from "./shell/theme";
import "./style/base.css";
import "./style/shell.css";
import "./style/controls.css";
import "./style/runtable.css";
import "./charts/charts.css";

takeToken();
followTheme();
document.addEventListener("click", followLinks);
listenToKeys();
render(<App />, document.getElementById("app")!);
beginPolling();
