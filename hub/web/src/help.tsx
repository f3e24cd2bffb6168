import { Dialog } from "./parts/ui";

const KEYS: [string[], string][] = [
  [["j", "↓"], "Next alert"],
  [["k", "↑"], "Previous alert"],
  [["Enter"], "Open the alert"],
  [["Esc"], "Close what is open"],
  [["/"], "Search"],
  [["p"], "Pause or resume the live view"],
  [["n"], "Show the new alerts"],
  [["f"], "Only this alert's rule"],
  [["a"], "Acknowledge"],
  [["s"], "Silence alerts like this one"],
  [["e"], "Make an exception from this alert"],
  [["?"], "This help"],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="How this page works" onClose={onClose} wide>
      <div class="help">
        <section>
          <h3>Finding</h3>
          <p>
            The search box finds alerts that have all of your words, where they begin one: <code>shad</code> finds <code>/etc/shadow</code>.
            Filters of the same kind are alternatives; different kinds must all fit. Drag over the timeline to look at a part of it.
            The address of the page says what it shows, so it can be sent to somebody or kept as a bookmark.
          </p>
          <h3>Dealing with alerts</h3>
          <dl>
            <dt>Acknowledge</dt>
            <dd>Somebody has seen to this one alert. It stays in the list, marked.</dd>
            <dt>Silence</dt>
            <dd>Alerts like it that come from now on are kept and shown, but no longer sent anywhere, until the silence ends.</dd>
            <dt>Exception</dt>
            <dd>The rule itself no longer fires for this. It is a change of the rules; the page writes it, you apply it.</dd>
            <dt>Dead letter</dt>
            <dd>An alert that a receiver refused. Delivery lists them, for administrators to send again or to drop.</dd>
          </dl>
        </section>
        <section>
          <h3>Keys</h3>
          <table class="keys">
            <tbody>
              {KEYS.map(([keys, text]) => (
                <tr key={text}><td>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</td><td>{text}</td></tr>
              ))}
            </tbody>
          </table>
        </section>
      </div>
    </Dialog>
  );
}
