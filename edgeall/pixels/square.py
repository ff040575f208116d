"""An RGB picture of any size to a square one."""

from PIL import Image

from edgeall.pixels.mapping import Filter, Resize

_RESAMPLING: dict[Filter, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bilinear-no-antialias": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}


def resized(image: Image.Image, to: Resize) -> Image.Image:
    """`image` as an RGB picture of `to.size` x `to.size` pixels."""
    width, height = image.size
    short, long = sorted(image.size)
    if to.fit == "crop":
        left, top = (width - short) // 2, (height - short) // 2
        box = (left, top, left + short, top + short)
    elif to.fit == "letterbox":
        padded = Image.new("RGB", (long, long))
        padded.paste(image, ((long - width) // 2, (long - height) // 2))
        image, box = padded, (0, 0, long, long)
    else:
        box = (0, 0, width, height)
    square, resampling = (to.size, to.size), _RESAMPLING[to.filter]
    if to.antialiased or to.filter == "nearest":
        return image.resize(square, resampling, box)
    return image.transform(square, Image.Transform.EXTENT, box, resampling)
