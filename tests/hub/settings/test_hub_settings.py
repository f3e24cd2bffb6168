"""Settings: the documented text, where errors point to, secrets that show themselves nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from falcon_hub.settings import document, load, model


def test_the_documentation_is_what_the_model_says():
    """Mend with: python -c "from falcon_hub.settings import document; print(document.markdown(), end='')"."""
    documented = Path(__file__).parents[3] / "docs" / "hub-settings.md"
    assert documented.read_text() == document.markdown()


def test_what_is_printed_sets_the_defaults(tmp_path: Path):
    path = tmp_path / "hub.yaml"
    path.write_text(document.text())
    assert load.load(str(path))[0] == model.Settings()
    assert yaml.safe_load(document.text())["listen"]["port"] == 2801


def test_later_ones_win_and_names_of_the_sensor_and_of_kubernetes_are_not_ours(tmp_path: Path):
    path = tmp_path / "hub.yaml"
    path.write_text("listen: {port: 1, host: a}\ncustom_fields: {site: x}\n")
    environ = {
        "FALCONHUB_LISTEN__PORT": "2",
        "FALCONHUB_CUSTOM_FIELDS__ZONE": "7",
        "FALCON_HUB_PORT": "tcp://10.0.0.1:2801",
        "FALCON_JSON_OUTPUT": "true",
    }
    settings, _ = load.load(str(path), ["listen.port=3"], environ)
    assert (settings.listen.port, settings.listen.host) == (3, "a")
    assert settings.custom_fields == {"site": "x", "zone": "7"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("listen:\n  prot: 1\n", r"hub\.yaml:2: listen\.prot is no option; did you mean listen\.port\?"),
        ("port: 1\n", r"hub\.yaml:1: port is no option; did you mean listen\.port\?"),
        ("listen:\n  port: 99999\n", r"hub\.yaml:2: listen\.port must be less than or equal to 65535"),
        ("listen: 5\n", r"hub\.yaml:1: listen "),
        ("listen: {port: 1, port: 2}\n", r"hub\.yaml:1: listen\.port is set twice"),
        ("- 1\n", r"hub\.yaml:1: settings must be a mapping"),
        ("a: [\n", r"hub\.yaml:\d+:\d+: not YAML"),
        ("sinks:\n- name: a\n", r"hub\.yaml:2: sinks\[0\]\.type is missing"),
        ("sinks:\n- {name: a, type: x}\n- {name: a, type: y}\n", r"hub\.yaml:3: two sinks are called a"),
        ("store: {password_file: /nowhere}\n", r"store cannot read /nowhere: No such file"),
        ("store: {password_env: NOWHERE}\n", r"store the environment has no NOWHERE"),
        ("store: {password: a, password_file: /b}\n", r"give only one of password, password_file"),
    ],
)
def test_errors_say_where_and_what(tmp_path: Path, text: str, message: str):
    path = tmp_path / "hub.yaml"
    path.write_text(text)
    with pytest.raises(load.SettingsError, match=message):
        load.load(str(path))


def test_a_secret_shows_itself_nowhere(tmp_path: Path):
    path = tmp_path / "secret"
    path.write_text("very-secret\n")
    settings, _ = load.load(None, [f"store.password_file={path}", "access.first_admin_password=also-secret"])
    assert settings.store.password is not None
    assert settings.store.password.reveal() == "very-secret"
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "very-secret" not in shown
    assert "also-secret" not in shown
    with pytest.raises(load.SettingsError) as caught:
        load.load(None, ["access.reader_tokens=[{token: also-secret}]"])
    assert "also-secret" not in str(caught.value)
