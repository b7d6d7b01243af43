// Examples of the rules in typescript.yaml: what each must find (ruleid) and must not (ok).

function html(element: HTMLElement, text: string): void {
  // ruleid: html-from-text
  element.innerHTML = text;
  // ruleid: html-from-text
  element.innerHTML += "<b>";
  // ruleid: html-from-text
  element.querySelector("b")!.outerHTML = `<b>${text}</b>`;
  // ruleid: html-from-text
  element["innerHTML"] = text;
  // ruleid: html-from-text
  element.insertAdjacentHTML("beforeend", text);
  // ruleid: html-from-text
  document.write(text);
  // ruleid: html-from-text
  document.writeln(text);
  // ruleid: html-from-text
  (element as HTMLIFrameElement).srcdoc = text;
  // ruleid: html-from-text
  document.createRange().createContextualFragment(text);
  // ruleid: html-from-text
  new DOMParser().parseFromString(text, "text/html");
  // ruleid: html-from-text
  const props = { dangerouslySetInnerHTML: { __html: text } };
  // ok: html-from-text
  element.textContent = text;
  // ok: html-from-text
  element.append(document.createTextNode(text), props.toString());
  // ok: html-from-text
  element.insertAdjacentText("beforeend", element.innerHTML);
}

function code(element: HTMLElement, text: string): void {
  // ruleid: code-from-text
  eval(text);
  // ruleid: code-from-text
  new Function("a", text);
  // ruleid: code-from-text
  setTimeout("alert(1)", 10);
  // ruleid: code-from-text
  setInterval(`alert(${text})`, 10);
  // ruleid: code-from-text
  element.setAttribute("onclick", text);
  // ok: code-from-text
  setTimeout(() => code(element, text), 10);
  // ok: code-from-text
  element.setAttribute("role", text);
}
