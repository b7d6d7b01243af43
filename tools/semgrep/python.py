"""Examples of the rules in python.yaml: what each must find (ruleid) and must not (ok)."""

import asyncio
import hmac
import os
import pickle
import random
import secrets
import shlex
import subprocess
import uuid

import flask
import jinja2
import markupsafe
import yaml
from markupsafe import Markup


def shells(name):
    # ruleid: shell
    subprocess.run(["ls", name], shell=True)
    # ruleid: shell
    subprocess.Popen(name, cwd="/", shell=True)
    # ruleid: shell
    os.system("ls")
    # ruleid: shell
    os.popen("ls")
    # ruleid: shell
    subprocess.getoutput("ls")
    # ruleid: shell
    asyncio.create_subprocess_shell("ls")
    # ok: shell
    subprocess.run(["ls", name])
    # ok: shell
    subprocess.run(["ls", name], shell=False)


def commands(name):
    # ruleid: command-as-text
    subprocess.run("ls")
    # ruleid: command-as-text
    subprocess.run(f"ls {name}", check=True)
    # ruleid: command-as-text
    subprocess.Popen("ls " + name)
    # ruleid: command-as-text
    subprocess.check_output("ls {}".format(name))
    command = " ".join(["ls", name])
    # ruleid: command-as-text
    subprocess.call(command)
    words = shlex.join(["ls", name])
    # ruleid: command-as-text
    subprocess.check_call(words)
    # ok: command-as-text
    subprocess.run(["ls", f"{name}.txt", "-" + name])
    # ok: command-as-text
    subprocess.run([*shlex.split("ls -l"), name])
    more = ["ls"]
    more.append(f"{name}.txt")
    # ok: command-as-text
    subprocess.run(more)
    # ok: command-as-text
    subprocess.run([name, "-l"], input=f"{name} as input", text=True)


def deserialization(data):
    # ruleid: unsafe-deserialization
    yaml.load(data, Loader=yaml.Loader)
    # ruleid: unsafe-deserialization
    yaml.load(data, Loader=yaml.SafeLoader)
    # ruleid: unsafe-deserialization
    yaml.full_load(data)
    # ruleid: unsafe-deserialization
    pickle.loads(data)
    # ruleid: unsafe-deserialization
    pickle.Unpickler(data)
    # ok: unsafe-deserialization
    yaml.safe_load(data)


def comparisons(request, token, password, given, expected, session, user):
    # ruleid: secret-comparison
    if token == given:
        return 1
    # ruleid: secret-comparison
    if given != session.csrf_token:
        return 2
    # ruleid: secret-comparison
    if hmac.new(b"key", b"message", "sha256").hexdigest() == given:
        return 3
    signed = hmac.new(b"key", b"message", "sha256")
    # ruleid: secret-comparison
    if expected == signed.digest():
        return 4
    # ruleid: secret-comparison
    if request.form["password"] == password:
        return 5
    # ruleid: secret-comparison
    if request.headers.get("token") != expected:
        return 6
    # ruleid: secret-comparison
    if request.args["token"] == expected:
        return 7
    # ruleid: secret-comparison
    if "letmein" == password:
        return 8
    # ruleid: secret-comparison
    if token in (expected, given):
        return 9
    # ok: secret-comparison
    if hmac.compare_digest(token, given):
        return 10
    # ok: secret-comparison
    if token == "" or password is None or token == None:
        return 11
    # ok: secret-comparison
    if len(token) == 43 or user.name == given:
        return 12
    # ok: secret-comparison
    if session.kind == "token":
        return 13
    # ok: secret-comparison
    if user.header != SIGNATURE:
        return 14
    return 0


def lua(client, key, name):
    # ruleid: lua-source
    client.eval(f"return redis.call('GET', '{key}')", 0)
    # ruleid: lua-source
    client.eval("return redis.call('GET', '" + key + "')", 0)
    # ruleid: lua-source
    client.register_script("return redis.call('%s')" % name)
    # ruleid: lua-source
    client.script_load("return redis.call('{}')".format(name))
    text = f"return '{name}'"
    # ruleid: lua-source
    client.register_script(text)
    # ruleid: lua-source
    client.execute_command("EVAL", "return " + name, 0)
    # ok: lua-source
    client.eval("return redis.call('GET', KEYS[1])", 1, f"run:{key}")
    # ok: lua-source
    client.register_script(source(name))


# ruleid: route-without-allows
@routes.get("/runs")
def unmarked():
    return ""


# ruleid: route-without-allows
@app.route("/runs", methods=["POST"])
@describe("Start a run")
def described():
    return ""


# ok: route-without-allows
@routes.get("/runs/<run_id>")
@allows("run:read", on="run")
def marked(run_id):
    return ""


# ok: route-without-allows
@routes.post("/runs")
@describe("Start a run")
@allows("run:start")
def described_and_marked():
    return ""


# ok: route-without-allows
@app.before_request
def no_route():
    return None


def html(name):
    # ruleid: raw-html
    flask.render_template_string("<b>" + name)
    # ruleid: raw-html
    markupsafe.Markup(f"<b>{name}</b>")
    # ruleid: raw-html
    Markup(name)
    # ruleid: raw-html
    jinja2.Environment(loader=None, autoescape=False)
    # ok: raw-html
    flask.render_template("text.html", name=name)
    # ok: raw-html
    markupsafe.escape(name)


def guesses():
    # ruleid: guessable
    random.choice("abc")
    # ruleid: guessable
    random.Random(1)
    # ruleid: guessable
    uuid.uuid1()
    # ok: guessable
    random.SystemRandom().choice("abc")
    # ok: guessable
    secrets.token_urlsafe(32)
    # ok: guessable
    uuid.uuid4()
