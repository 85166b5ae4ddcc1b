/**
 * The frame around every page: where one can go, how the connection stands, and who one is.
 */
/// <reference lib="dom" />
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { askLogin, logOut, phase, problem, welcome } from "../data/connection.ts";
import { methods } from "../data/rights.ts";
import { about } from "../data/server.ts";
import { Dialogs } from "../parts/dialog.tsx";
import { Icon } from "../parts/icons.tsx";
import { Empty } from "../parts/states.tsx";
import { Toasts } from "../parts/toasts.tsx";
import { href, route } from "../router.ts";
import { LoginPage, WaitingPage } from "./login.tsx";
import { Logo } from "./logo.tsx";
import { openPalette } from "./palette.tsx";
import { offeredPlaces } from "./places.ts";
import { Ribbon } from "./ribbon.tsx";
import { chooseTheme, type Theme, theme } from "./theme.ts";

/** Whether the list of pages is open where it has no place of its own. */
const isOpen = signal(false);

/** Everything. */
export function Shell() {
  const isThere = welcome.value !== null && methods.value !== null &&
    (phase.value === "connected" || phase.value === "lost");
  return (
    <>
      {phase.value === "login" ? <LoginPage /> : isThere ? <Frame /> : <WaitingPage />}
      <Dialogs />
      <Toasts />
    </>
  );
}

function Frame() {
  const { path } = route.value;
  const offered = offeredPlaces();
  const place = path.length === 0 ? offered[0] : offered.find(({ id }) => id === path[0]);
  const main = useRef<HTMLElement>(null);
  const link = path.join("/");
  useEffect(() => {
    isOpen.value = false;
    document.title = [...path.slice(1).reverse(), place?.title, "Parley"].filter(Boolean).join(
      " · ",
    );
    main.current?.scrollTo(0, 0);
  }, [link]);
  return (
    <div class="shell">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        To the page
      </a>
      <Ribbon />
      <Side chosen={place?.id ?? ""} />
      <div class="column">
        <Top />
        <LostBanner />
        <main id="main" ref={main} tabIndex={-1}>
          <div class="page">
            {place === undefined
              ? (
                <Empty title="There is no such page">
                  <a href={href([])}>To the overview</a>
                </Empty>
              )
              : <place.View path={path.slice(1)} />}
          </div>
        </main>
      </div>
    </div>
  );
}

function Side({ chosen }: { chosen: string }) {
  const open = isOpen.value ? " open" : "";
  return (
    <>
      <nav class={`side${open}`} id="side" aria-label="Pages">
        <a class="brand" href={href([])}>
          <Logo />
          Parley
        </a>
        {offeredPlaces().map(({ id, title, icon, key }) => (
          <a
            key={id}
            class="place"
            href={href([id])}
            aria-current={id === chosen ? "page" : undefined}
            title={`${title} (g ${key})`}
          >
            <Icon name={icon} />
            {title}
          </a>
        ))}
        <div class="side-foot">
          <span>Parley {welcome.value?.serverVersion}</span>
          <span title="Changes with each start of the server">
            Server {welcome.value?.serverId}
          </span>
        </div>
      </nav>
      {isOpen.value && (
        <button
          type="button"
          class="side-shade open"
          aria-label="Close the list of pages"
          onClick={() => isOpen.value = false}
        />
      )}
    </>
  );
}

const NEXT: Readonly<Record<Theme, Theme>> = { auto: "light", light: "dark", dark: "auto" };
const SIGN = { auto: "auto", light: "sun", dark: "moon" } as const;
const COLOURS: Readonly<Record<Theme, string>> = {
  auto: "as the system has them",
  light: "light",
  dark: "dark",
};

function Top() {
  return (
    <header class="top">
      <button
        type="button"
        class="button bare icon menu-button"
        aria-label="Pages"
        aria-expanded={isOpen.value}
        aria-controls="side"
        onClick={() => isOpen.value = !isOpen.value}
      >
        <Icon name="menu" />
      </button>
      <button
        type="button"
        class="search-button"
        onClick={openPalette}
      >
        <span class="row">
          <Icon14 /> <span class="words">Find anything</span>
        </span>
        <kbd>Ctrl K</kbd>
      </button>
      <span class="grow" />
      <Status />
      <button
        type="button"
        class="button bare icon"
        aria-label={`Colours: ${COLOURS[theme.value]}. Change`}
        title={`Colours: ${COLOURS[theme.value]}`}
        onClick={() => chooseTheme(NEXT[theme.value])}
      >
        <Icon name={SIGN[theme.value]} />
      </button>
      <Person />
    </header>
  );
}

function Icon14() {
  return (
    <span class="sign14">
      <Icon name="search" />
    </span>
  );
}

function Status() {
  const isLost = phase.value !== "connected";
  return (
    <span class="status" role="status" title={isLost ? problem.value : "Connected"}>
      <span class={isLost ? "dot lost" : "dot"} />
      <span>{isLost ? "Not connected" : "Live"}</span>
    </span>
  );
}

function Person() {
  const known = welcome.value;
  if (known === null) return null;
  if (known.user !== "") {
    return (
      <button
        type="button"
        class="button bare cut person"
        title={`${known.user}${
          known.roles.length > 0 ? ` (${known.roles.join(", ")})` : ""
        }: log out`}
        onClick={logOut}
      >
        {known.user} · Log out
      </button>
    );
  }
  if (about.value?.hasUsers !== true) return null;
  return <button type="button" class="button bare" onClick={askLogin}>Guest · Log in</button>;
}

function LostBanner() {
  if (phase.value !== "lost") return null;
  return (
    <div class="lost-banner" role="alert">
      <strong>The connection is lost.</strong>
      <span>What you see is as it was. The console comes back by itself.</span>
      {problem.value !== "" && <span class="soft break">{problem.value}</span>}
    </div>
  );
}
