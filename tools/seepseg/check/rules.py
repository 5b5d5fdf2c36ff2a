"""What `check` can find: how bad it is, what it means, and the way out."""
# ruff: noqa: E501

from dataclasses import dataclass

FAULT, WARNING = "fault", "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding."""

    severity: str
    says: str
    way_out: str


# One rule a line, so that it reads as a table.
# fmt: off
RULES = {
    # data.yaml
    "yaml": Rule(FAULT, "data.yaml is wrong", "correct data.yaml as the sentence says"),
    "yaml-path": Rule(WARNING, "`path:` in data.yaml is relative to the working directory, not to data.yaml", "take `path:` out"),
    "split-missing": Rule(FAULT, "data.yaml names no such split; training needs train and val", "add the split to data.yaml, or convert again with --split .8,.2"),
    "split-empty": Rule(FAULT, "a split has no images", "add images, or convert again with other shares in --split"),
    "split-same": Rule(WARNING, "two splits are the same images: what is measured on them says nothing", "convert again with --split .7,.15,.15"),
    "labels-folder": Rule(FAULT, "no image of the split has a label file: Ultralytics looks in the path with its last `images` folder called `labels`", "keep images below images/ and labels below labels/"),
    # images
    "image-missing": Rule(FAULT, "a listed image is not there", "restore the file, or take it off the list"),
    "image-unreadable": Rule(FAULT, "an image cannot be decoded; Ultralytics drops it or stops", "replace the file, or leave it out"),
    "image-truncated": Rule(FAULT, "an image breaks off; Ultralytics overwrites such a JPEG in place", "fetch the file again"),
    "image-small": Rule(FAULT, "an image is under 10 pixels on a side; Ultralytics drops it", "leave it out, or cut larger tiles"),
    "image-format": Rule(FAULT, "the content is a format that Ultralytics refuses, whatever the suffix", "save the image as PNG"),
    "image-depth": Rule(FAULT, "an image has more than 8 bits; Ultralytics keeps the high byte, or reads nothing", "convert with --scale, which renders to 8 bits by a fixed rule"),
    "image-bands": Rule(FAULT, "an image has bands that Ultralytics leaves out without a word", "convert with --bands"),
    "image-trailing": Rule(WARNING, "bytes follow the end of a JPEG; Ultralytics rewrites such a file in place", "save the image again"),
    "image-suffix": Rule(WARNING, "suffix and content disagree; Ultralytics reads it, other programs may not", "run 'seepseg convert yolo', which names files by their content"),
    "image-twice-named": Rule(FAULT, "images of one stem share one label file", "rename one of them, and give it its own labels"),
    "npy-beside": Rule(WARNING, "a .npy file beside an image is loaded instead of it", "delete the .npy files after the image has changed"),
    "file-stray": Rule(WARNING, "a file in an image folder is nothing that Ultralytics lists", "move it elsewhere, or save it as PNG"),
    # labels
    "label-missing": Rule(WARNING, "an image has no label file and counts as background", "write an empty label file where the image holds no object"),
    "label-orphan": Rule(FAULT, "a label file has no image", "restore the image, or delete the label file"),
    "label-encoding": Rule(FAULT, "a label file is not UTF-8 text; Ultralytics drops its image", "save it as plain text"),
    "label-bom": Rule(WARNING, "a label file begins with a byte-order mark, which some versions of Ultralytics reject", "save it as UTF-8 without BOM"),
    "label-numbers": Rule(FAULT, "a row is not a class id followed by numbers; Ultralytics drops the whole image", "correct the row"),
    "label-mixed": Rule(FAULT, "boxes and polygons stand in one file; Ultralytics drops the whole image", "run 'seepseg convert yolo' with --boxes box"),
    "label-boxes": Rule(FAULT, "a file holds boxes alone; a segmentation training stops at it", "run 'seepseg convert yolo' with --boxes box, or train a detector"),
    "label-points": Rule(FAULT, "a row has under three points, or an odd number of coordinates; Ultralytics drops the image or the object", "draw the object again"),
    "label-outside": Rule(FAULT, "coordinates lie outside the image by over 1 %; Ultralytics drops the image or learns what is not there", "divide pixels by the image's size, or run 'seepseg convert yolo', which clips"),
    "label-edge": Rule(WARNING, "coordinates lie just outside the image", "run 'seepseg convert yolo', which clips"),
    "label-class": Rule(FAULT, "a class id is not in names; Ultralytics drops the whole image", "correct the id, or add the name to data.yaml"),
    "label-duplicate": Rule(FAULT, "a row stands twice; Ultralytics removes the second", "delete the second row"),
    "cache-stale": Rule(WARNING, "a .cache file is older than its labels", "delete it; Ultralytics writes it again"),
    # objects
    "object-everything": Rule(WARNING, "an object covers over 95 % of its image", "look at it with 'seepseg preview': often an inverted mask"),
    "object-crossing": Rule(WARNING, "a polygon crosses itself; what is painted may not be what was drawn", "run 'seepseg convert yolo', which traces what is painted"),
    "object-twice": Rule(WARNING, "two objects of an image overlap by an IoU over .95", "delete one of them"),
    "object-fragment": Rule(WARNING, "an object has under 4 pixels", "delete crumbs left by drawing, if they are some"),
    "object-rectangles": Rule(WARNING, "all objects are upright rectangles: boxes written as polygons", "draw outlines, or train a detector"),
    "object-thin": Rule(WARNING, "objects are under 2 pixels wide at this imgsz: masks have a quarter of its resolution and cannot show them", "train at a larger imgsz, or cut smaller tiles"),
    "object-tiny": Rule(WARNING, "objects are under 8 pixels long at this imgsz: smaller than a cell of the finest grid", "train at a larger imgsz, or cut smaller tiles"),
    # classes
    "class-untrained": Rule(FAULT, "a class has no object in train: it cannot be learnt", "take the class out of names, or convert again: the split keeps rare classes in train"),
    "class-unmeasured": Rule(WARNING, "a class has no object in a split: nothing is measured of it there", "convert again with another --seed, or gather more"),
    # leakage
    "leak-group": Rule(FAULT, "a group (scene) is on two sides of the split", "convert again: groups are kept together"),
    "leak-copy": Rule(FAULT, "an image is on two sides of the split, byte for byte", "convert again: copies are kept together"),
    "leak-turned": Rule(FAULT, "a copy, turned or flipped, is on the other side of the split", "convert again: copies are kept together"),
    "leak-near": Rule(FAULT, "a shifted or blurred copy is on the other side of the split", "convert again with --groups and the file that --groups-out writes"),
    "copy-within": Rule(WARNING, "an image stands twice in one split", "delete one of them"),
    # truth
    "changed": Rule(FAULT, "an image is not the one that was converted (sha256)", "restore it, or convert again"),
    "manifest-missing": Rule(FAULT, "an image of the manifest is not in its split", "restore it, or convert again"),
    "manifest-unknown": Rule(WARNING, "an image is not in the manifest", "convert again with the new image in the source"),
    "truth-broken": Rule(FAULT, "annotations/ is not readable", "convert again"),
    "truth-rows": Rule(FAULT, "label rows and annotations/ disagree", "convert again; labels edited by hand go through 'seepseg convert yolo'"),
    "fidelity": Rule(FAULT, "labels do not give the masks back at the declared imgsz", "convert again"),
    "fidelity-object": Rule(FAULT, "a label is painted over two pixels away from its object's true outline", "convert again; labels edited by hand go through 'seepseg convert yolo'"),
    "fidelity-dropped": Rule(FAULT, "Ultralytics' loader drops an image", "see the other faults of this image"),
    "imgsz-other": Rule(WARNING, "labels were written for another imgsz", "convert again with --imgsz"),
    "imgsz-below": Rule(WARNING, "imgsz is below the longest side of images: the loader shrinks labels, and no outline is exact then", "declare and train at the longest side or above, or cut smaller tiles"),
}
# fmt: on
"""Every rule, in the order in which findings are shown."""
