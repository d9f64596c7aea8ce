#!/usr/bin/env python3
"""zip_directory.py FOLDER OUT.zip   the *.json of one directory collection as a zip; same files, same bytes."""
import glob
import os
import sys
import zipfile

folder, out = sys.argv[1:3]
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        info = zipfile.ZipInfo(os.path.basename(path), (2026, 1, 1, 0, 0, 0))
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
        z.writestr(info, open(path, "rb").read())
