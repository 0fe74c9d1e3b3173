"""Reading images: orientation, transparency, depth, colours, size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ir
from jlrp.cli.images import Frame, Resize, find, frame_of, read
from jlrp.cli.program import InputError

RGB, GREY = Frame(4, 6, 3), Frame(4, 6, 1)
NOISE = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.png"


def model_of(shape: ir.Shape, op: ir.Op | None = None) -> ir.Model:
    return ir.Model(ir.Graph([ir.Node("a", op or ir.Relu(), ("x",))], ["x"], ["a"]), {}, (shape,))


def test_pixels_of_the_right_size_are_as_in_the_file(path):
    Image.fromarray(NOISE).save(path)
    np.testing.assert_array_equal(read(path, RGB), NOISE)


def test_grey_and_colour_are_converted(path):
    Image.fromarray(NOISE).save(path)
    grey = read(path, GREY)
    assert grey.shape == (4, 6, 1)
    assert np.abs(grey[..., 0] - NOISE @ [0.299, 0.587, 0.114]).max() <= 1
    Image.fromarray(NOISE[..., 0]).save(path)
    np.testing.assert_array_equal(read(path, RGB), NOISE[..., :1].repeat(3, -1))


@pytest.mark.parametrize("mode", ["P", "CMYK", "YCbCr", "1", "LA", "HSV"])
def test_any_mode_of_8_bits_can_be_read(tmp_path, mode):
    path = tmp_path / "image.tif"
    image = Image.new("RGB", (6, 4), "red").convert(mode)
    (image if mode != "HSV" else image.convert("RGB")).save(path)
    assert read(path, RGB).shape == (4, 6, 3)


def test_the_exif_orientation_is_honoured(path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    Image.fromarray(np.rot90(NOISE)).save(path, exif=exif)
    np.testing.assert_array_equal(read(path, RGB), NOISE)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_are_put_on_white(path, mode):
    image = Image.new("RGBA", (6, 4), (200, 200, 200, 0)).convert(mode)
    image.save(path, **({"transparency": image.getpixel((0, 0))} if mode == "P" else {}))
    assert (read(path, RGB) == 255).all()
    assert (read(path, GREY) == 255).all()


def test_half_transparent_parts_are_mixed_with_white(path):
    Image.new("RGBA", (6, 4), (55, 155, 255, 128)).save(path)
    np.testing.assert_allclose(read(path, RGB)[0, 0], [155, 205, 255], atol=1)


def test_16_bit_grey_is_brought_to_8_bits(path):
    values = np.array([[0, 257, 128 * 257, 65535, 129, 128]] * 4, np.uint16)
    Image.fromarray(values).save(path)
    np.testing.assert_array_equal(read(path, GREY)[0, :, 0], [0, 1, 128, 255, 1, 0])


def test_resizing_is_bilinear_unless_said_otherwise(path):
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (9, 11, 3), np.uint8))
    image.save(path)
    np.testing.assert_array_equal(read(path, RGB), np.asarray(image.resize((6, 4), Image.Resampling.BILINEAR)))
    for resize in Resize:
        expected = image.resize((6, 4), Image.Resampling[resize.name.upper()])
        np.testing.assert_array_equal(read(path, RGB, resize), np.asarray(expected))


def test_of_several_frames_the_first_is_read(tmp_path):
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    assert read(tmp_path / "two.gif", RGB)[0, 0].tolist() == [255, 0, 0]


def test_an_image_of_one_pixel_fills_the_frame(path):
    Image.new("RGB", (1, 1), "red").save(path)
    assert (read(path, RGB) == [255, 0, 0]).all()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_image_that_would_fill_the_memory_is_refused(path, monkeypatch):
    Image.fromarray(NOISE).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    with pytest.raises(InputError, match=r"cannot be read: .*decompression bomb"):
        read(path, RGB)


def test_find_lists_files_once_and_folders_sorted(tmp_path):
    for name in ("b.png", "a.jpg", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.png").mkdir()
    found = find([tmp_path / "c.txt", tmp_path, tmp_path / "a.jpg"])
    assert [path.name for path in found] == ["c.txt", "a.jpg", "b.png"]


def test_a_frame_from_a_model():
    assert frame_of(model_of((None, 8, 9, 3))) == Frame(8, 9, 3)
    assert frame_of(model_of((None, None, 9, 1)), "7x9") == Frame(7, 9, 1)
    assert frame_of(model_of((None, None, None, 3)), "12") == Frame(12, 12, 3)
    first = ir.MaxPool(data_format="channels_first")
    assert frame_of(model_of((None, 3, 8, 8), first)) == Frame(8, 8, 3, channels_first=True)
    assert frame_of(model_of((None, 3, 8, 9))) == Frame(8, 9, 3, channels_first=True)
    assert frame_of(model_of((None, 3, 8, 3), ir.MaxPool())) == Frame(3, 8, 3)
    moved = ir.Permute((3, 1, 2))
    graph = ir.Graph([ir.Node("moved", moved, ("x",)), ir.Node("pool", first, ("moved",))], ["x"], ["pool"])
    assert frame_of(ir.Model(graph, {}, ((None, 8, 9, 3),))) == Frame(8, 9, 3)


@pytest.mark.parametrize(
    ("shape", "size", "words"),
    [
        ((None, 8), None, "no images"),
        ((None, 8, 8, 4), None, "4 channels"),
        ((None, 8, 8, None), None, "any number of channels"),
        ((None, None, 8, 3), None, "--size"),
        ((None, None, 8, 3), "9", "any x 8 pixels"),
        ((None, None, None, 3), "-3", "no size"),
        ((None, None, None, 3), "3x4x5", "no size"),
        ((None, None, None, 3), "99999999", "no size"),
    ],
)
def test_models_and_sizes_that_do_not_fit(shape, size, words):
    with pytest.raises(InputError, match=words):
        frame_of(model_of(shape), size)


def test_a_model_of_two_images_is_refused():
    graph = ir.Graph([ir.Node("a", ir.Add(), ("x", "y"))], ["x", "y"], ["a"])
    with pytest.raises(InputError, match="2 inputs"):
        frame_of(ir.Model(graph, {}, ((None, 8, 8, 3),) * 2))


def test_layouts():
    images = np.arange(2 * 4 * 6 * 3, dtype=np.float32).reshape(2, 4, 6, 3)
    assert RGB.shape == RGB.to_layout(images).shape[1:]
    first = Frame(4, 6, 3, channels_first=True)
    assert first.shape == (3, 4, 6)
    np.testing.assert_array_equal(first.to_layout(images), images.transpose(0, 3, 1, 2))
