// Examples of the rules in typescript.yaml that need JSX.

function Html({ text }: { text: string }) {
  // ruleid: html-from-text
  const raw = <p class="raw" dangerouslySetInnerHTML={{ __html: text }} />;
  // ok: html-from-text
  return <p class="text">{text}{raw}</p>;
}
