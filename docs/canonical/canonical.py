"""Canonical form v1 of JSON texts and its salted hash, with the standard library of Python only.

    canonical.py [--salt HEX] [--without POINTER]... FILE...   a line per file: its form, or with a salt its hash
    canonical.py --vectors vectors.json                        compares this script with the published vectors
"""
import argparse, hashlib, json
from decimal import Decimal

def members(pairs):
    if len(dict(pairs)) < len(pairs): raise ValueError("a member name stands twice")
    return dict(pairs)
def refuse(constant): raise ValueError(f"{constant} is no JSON")

def write(value):
    if isinstance(value, dict): return "{%s}" % ",".join(write(key) + ":" + write(value[key]) for key in sorted(value))
    if isinstance(value, list): return "[%s]" % ",".join(map(write, value))
    if not isinstance(value, Decimal): return json.dumps(value, ensure_ascii=False)
    digits = format(value if value else Decimal(0), "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits

def canonical(text, without=(), salt=None):
    value = json.loads(text, parse_int=Decimal, parse_float=Decimal, parse_constant=refuse, object_pairs_hook=members)
    for pointer in without:  # a credential in the body: /Header/AppKey
        *parents, name = pointer.split("/")[1:]
        holder = value
        for parent in parents: holder = holder[parent]
        holder.pop(name, None)
    body = write(value).encode()
    return hashlib.sha256(bytes.fromhex(salt) + body).hexdigest() if salt else body.decode()

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*")
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--salt"), parser.add_argument("--vectors")
    options = parser.parse_args()
    for vector in json.load(open(options.vectors, encoding="utf-8"))["vectors"] if options.vectors else ():
        forms = [canonical(vector["input"], vector.get("without", ()), salt) for salt in (None, vector["salt"])]
        print(vector["name"], "holds" if forms == [vector["canonical"], vector["sha256"]] else exit(f"FAILS: {forms}"))
    for file in options.files: print(canonical(open(file, "rb").read().decode(), options.without, options.salt))
