"""Settings: where they come from, which wins, and what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from falcon_sensor.settings import document, load, model


@pytest.fixture
def settings_file(tmp_path):
    def write(text: str) -> str:
        path = tmp_path / "settings.yaml"
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize("name", ["1234", "1e3", "true", "node-1"])
def test_text_options_take_text_that_looks_like_something_else(name):
    settings, _ = load.load(None, [f"cluster.namespace={name}"], {"FALCON_CLUSTER__NODE_NAME": name})
    assert (settings.cluster.node_name, settings.cluster.namespace) == (name, name)


def test_an_option_whose_name_ends_like_a_service_link_is_an_option():
    settings, warnings = load.load(None, [], {"FALCON_CLUSTER__API_PORT": "1234", "FALCON_HUB_PORT": "tcp://10.0.0.1"})
    assert (settings.cluster.api_port, warnings) == (1234, [])


def test_without_anything_the_defaults_hold():
    assert load.load(None, [], {}) == (model.Settings(), [])


def test_the_printed_document_sets_exactly_the_defaults(settings_file):
    assert load.load(settings_file(document.text()), [], {})[0] == model.Settings()


def test_later_sources_win(settings_file):
    path = settings_file("priority: Error\nhostname: file\nfile_output:\n  enabled: true\n  filename: /a\n")
    environ = {"FALCON_FILE_OUTPUT__FILENAME": "/b", "FALCON_HOSTNAME": "environment"}
    settings, _ = load.load(path, ["hostname=option"], environ)
    assert (settings.priority, settings.hostname) == ("error", "option")
    assert settings.file_output == model.FileOutput(enabled=True, filename="/b")


def test_an_empty_section_keeps_its_defaults(settings_file):
    assert load.load(settings_file("file_output:\n"), [], {})[0] == model.Settings()


def test_brackets_append_to_a_list(settings_file):
    path = settings_file("rules:\n- disable: {rule: '*'}\n")
    settings, _ = load.load(path, ["rules[].enable.tag=container"], {})
    assert [(entry.disable, entry.enable) for entry in settings.rules] == [
        (model.Selector(rule="*"), None),
        (None, model.Selector(tag="container")),
    ]


def test_static_fields_come_from_the_environment_too():
    assert load.load(None, [], {"FALCON_EXTRA_FIELDS__DATACENTER": "paris"})[0].extra_fields == {"datacenter": "paris"}


def test_service_links_of_kubernetes_are_not_mistaken_for_settings():
    links = {"FALCON_HUB_SERVICE_HOST": "10.0.0.1", "FALCON_HUB_PORT_443_TCP_ADDR": "10.0.0.1", "FALCON_HUB_PORT": "t"}
    assert load.load(None, [], links)[1] == []


def test_a_variable_that_names_no_option_is_only_warned_about():
    _, warnings = load.load(None, [], {"FALCON_PRIORITIE": "debug"})
    assert warnings == ["environment FALCON_PRIORITIE: no such option; did you mean FALCON_PRIORITY?; ignored"]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("\nprioriti: debug\n", ":2: ", "did you mean priority?"),
        ("file_output:\n  enabled: true\n  file: x\n", ":3: ", "file_output.file is no option; did you mean"),
        ("filename: x\n", ":1: ", "did you mean file_output.filename?"),
        ("ring_bytes: many\n", ":1: ", "ring_bytes must be a valid integer"),
        ("\n\nring_bytes: 100000\n", ":3: ", "ring_bytes must be a power of two, such as 65536 or 131072"),
        ("rule_matching: al\n", ":1: ", "did you mean all?"),
        ("file_output: yes please\n", ":1: ", "file_output has options of its own"),
        ("rules:\n- disable: {rule: a, tag: b}\n", ":2: ", "exactly one of rule and tag"),
        ("rules:\n- {}\n", ":2: ", "exactly one of enable and disable"),
        ("extra_fields:\n  a: [1]\n", ":2: ", "extra_fields.a must be text, a number, true or false"),
        ("hostname: 12\n", ":1: ", "quote it to make it text"),
        ("priority: debug\npriority: error\n", ":2: ", "priority is set twice"),
        ("rules_files: a.yaml\n", ":1: ", "must be a list"),
        ("priority: [\n", ":2:1: ", "not YAML"),
        ("- priority\n", ":1: ", "must be a mapping"),
        ("outputs_queue: {capacity: 0}\n", ":1: ", "greater than or equal to 1"),
    ],
)
def test_a_broken_file_gives_one_line_with_its_place(settings_file, text, place, said):
    path = settings_file(text)
    with pytest.raises(load.SettingsError) as caught:
        load.load(path, [], {})
    (message,) = caught.value.messages
    assert message.startswith(path + place)
    assert said in message


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("prioriti=debug", "-o prioriti=debug: prioriti is no option; did you mean priority?"),
        ("json_output", "must be key=value"),
        ("rule_matching={a: b", "the value is not YAML"),
        ("file_output.enabled.x=3", "-o file_output.enabled.x=3: file_output.enabled must be a valid boolean"),
        ("priority.x.y=3", "-o priority.x.y=3: priority must be"),
    ],
)
def test_a_broken_override_is_quoted(override, said):
    with pytest.raises(load.SettingsError) as caught:
        load.load(None, [override], {})
    (message,) = caught.value.messages
    assert said in message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(load.SettingsError, match=r"nowhere\.yaml: cannot read settings: No such file"):
        load.load(str(tmp_path / "nowhere.yaml"), [], {})


def test_the_documentation_is_what_the_model_says():
    """Mend with: python -c "from falcon_sensor.settings import document; print(document.markdown(), end='')"."""
    documented = Path(__file__).parents[3] / "docs" / "settings.md"
    assert documented.read_text() == document.markdown()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("enabled: true", "http_output.enabled needs http_output.url"),
        ("mtls: true", "http_output.mtls needs client_cert and client_key"),
        ("client_key: /k", "http_output.client_cert and client_key need mtls: true"),
        ("bearer_token: a\n  bearer_token_file: b", "give one of bearer_token, bearer_token_file and basic_auth"),
        ("basic_auth: {username: u, password: p, password_file: f}", "give one of password and password_file"),
        ("basic_auth: {password: p}", "http_output.basic_auth needs a username"),
        ("insecure: true", "http_output.insecure is no option; did you mean http_output.insecure_skip_verify?"),
    ],
)
def test_a_webhook_that_cannot_work_is_explained_with_its_line(settings_file, given, message):
    begin = "" if given.startswith("enabled") else "enabled: true\n  url: https://receiver.example/\n  "
    with pytest.raises(load.SettingsError) as error:
        load.load(settings_file(f"http_output:\n  {begin}{given}\n"), [], {})
    (line,) = error.value.messages
    assert message in line
    assert "settings.yaml:" in line


def test_a_webhooks_headers_come_from_the_command_line_too():
    settings, _ = load.load(None, ["http_output.headers.X-Scope-OrgID=security"], {})
    assert settings.http_output.headers == {"X-Scope-OrgID": "security"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("syslog_output: {enabled: true, mtls: true}", "syslog_output.mtls needs client_cert and client_key"),
        ("syslog_output: {enabled: true, facility: local8}", "syslog_output.facility must be one of"),
        ("syslog_output: {minimum_priority: warn}", "did you mean warning?"),
        ("program_output: {enabled: true}", "program_output.enabled needs program_output.program"),
        ("program_output: {enabled: true, program: [a], shell: true}", "must be text where shell is true, not a list"),
        ("program_output: {enabled: true, program: jq . | mail}", "has '|', which only a shell understands: set shell"),
        ("program_output: {enabled: true, program: a 'b}", "cannot be split into words: no closing quotation"),
        ("grpc_output: {enabled: true}", "grpc_output.enabled needs grpc.enabled"),
    ],
)
def test_outputs_that_cannot_work_are_told_with_their_line(given, message, settings_file):
    with pytest.raises(load.SettingsError) as caught:
        load.load(settings_file(f"json_output: true\n{given}\n"), [], {})
    assert "settings.yaml:2: " in str(caught.value)
    assert message in str(caught.value)


def test_every_output_has_a_minimum_priority_in_any_case():
    """Of rules one writes Warning."""
    outputs = [path for path in model.paths() if path[-1] == "minimum_priority"]
    assert {path[0] for path in outputs} == {
        "stdout_output", "file_output", "syslog_output", "program_output", "http_output", "grpc_output",
        "kubernetes_events",
    }  # fmt: skip
    settings, _ = load.load(None, [f"{'.'.join(path)}=Warning" for path in outputs], {})
    assert {getattr(settings, path[0]).minimum_priority for path in outputs} == {"warning"}


def test_fields_of_alerts_keep_their_case():
    settings, _ = load.load(None, ["extra_fields.minimum_priority=High"], {})
    assert settings.extra_fields == {"minimum_priority": "High"}
