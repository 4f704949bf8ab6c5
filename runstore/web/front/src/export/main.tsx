import { render } from "preact";
import { listenToKeys } from "../shell/keys";
import { followTheme } from "../shell/theme";
import "../style/base.css";
import "../style/shell.css";
import "../style/controls.css";
import "../style/sheet.css";
import "./export.css";
import { Page } from "./page";
import { followLinks } from "./router";

followTheme();
listenToKeys();
document.addEventListener("click", followLinks);
render(<Page />, document.getElementById("app")!);
