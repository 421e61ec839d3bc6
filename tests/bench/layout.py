#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layout.py DIR NAME LAYERS MIB: an OCI image layout of LAYERS layers of MIB MiB each, of which three fifths do not compress; the same
bytes every time. Prints how many bytes the layers have, packed by gzip."""
import gzip
import hashlib
import io
import json
import os
import random
import sys
import tarfile

MEDIA = 'application/vnd.oci.image.'


def main():
    out, name, layers, mib = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    numbers = random.Random(1)
    os.makedirs(os.path.join(out, 'blobs/sha256'), exist_ok=True)

    def blob(kind, data):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(out, 'blobs/sha256', digest), 'wb') as file:
            file.write(data)
        return {'mediaType': MEDIA + kind, 'digest': 'sha256:' + digest, 'size': len(data)}

    def document(kind, value):
        return blob(kind, json.dumps(value).encode())

    def layer(number):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode='w') as tar:
            for i in range(mib):
                entry = tarfile.TarInfo(f'layer{number}/file{i}')
                entry.size = 1 << 20
                tar.addfile(entry, io.BytesIO(numbers.randbytes(600 << 10) + bytes(424 << 10)))
        return file.getvalue()

    packed, diff_ids = [], []
    for number in range(layers):
        data = layer(number)
        diff_ids.append('sha256:' + hashlib.sha256(data).hexdigest())
        packed.append(blob('layer.v1.tar+gzip', gzip.compress(data, 6, mtime=0)))
    config = document('config.v1+json', {'architecture': 'amd64', 'os': 'linux', 'config': {},
                                         'rootfs': {'type': 'layers', 'diff_ids': diff_ids}})
    manifest = document('manifest.v1+json', {'schemaVersion': 2, 'mediaType': MEDIA + 'manifest.v1+json', 'config': config,
                                             'layers': packed})
    manifest['annotations'] = {'io.containerd.image.name': name}
    for path, value in (('index.json', {'schemaVersion': 2, 'manifests': [manifest]}), ('oci-layout', {'imageLayoutVersion': '1.0.0'})):
        with open(os.path.join(out, path), 'w', encoding='utf-8') as file:
            json.dump(value, file)
    print(sum(layer['size'] for layer in packed))


main()
