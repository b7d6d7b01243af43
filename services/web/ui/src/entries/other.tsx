// The pages that show nothing live: logging in, tokens, the audit log.

import { start } from "./start";
import "../list.css";
import "../audit/audit.css";
import "../login/login.css";
import "../tokens/tokens.css";
import { COMMAND_LINE, here, LOGIN, TOKENS } from "../address";
import { AuditPage } from "../audit/page";
import { LoginPage } from "../login/page";
import { CommandLinePage } from "../tokens/commandline";
import { TokensPage } from "../tokens/page";
import { keepAsking } from "../who";

start(() => {
  const { pathname } = location;
  if (pathname === here(LOGIN)) return <LoginPage />;
  keepAsking();
  if (pathname === here(TOKENS)) return <TokensPage />;
  if (pathname === here(COMMAND_LINE)) return <CommandLinePage />;
  return <AuditPage />;
});
