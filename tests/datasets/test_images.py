"""Reading images: orientation, transparency, depth, colours, size."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

import ir
import jlrp
from jlrp.datasets import DataError, Frame, frame_of, image_batches, load_images
from jlrp.datasets.frame import Resize
from jlrp.datasets.images import find_images, read_image

ROOT = Path(jlrp.__file__).parents[1]
RGB, GREY = Frame(4, 6, 3), Frame(4, 6, 1)
NOISE = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.png"


def test_pixels_of_the_right_size_are_as_in_the_file(path):
    Image.fromarray(NOISE).save(path)
    np.testing.assert_array_equal(read_image(path, RGB), NOISE)


def test_grey_and_colour_are_converted(path):
    Image.fromarray(NOISE).save(path)
    grey = read_image(path, GREY)
    assert grey.shape == (4, 6, 1)
    assert np.abs(grey[..., 0] - NOISE @ [0.299, 0.587, 0.114]).max() <= 1
    Image.fromarray(NOISE[..., 0]).save(path)
    np.testing.assert_array_equal(read_image(path, RGB), NOISE[..., :1].repeat(3, -1))


@pytest.mark.parametrize("mode", ["P", "CMYK", "YCbCr", "1", "LA", "HSV"])
def test_any_mode_of_8_bits_can_be_read(tmp_path, mode):
    path = tmp_path / "image.tif"
    image = Image.new("RGB", (6, 4), "red").convert(mode)
    (image if mode != "HSV" else image.convert("RGB")).save(path)
    assert read_image(path, RGB).shape == (4, 6, 3)


def test_the_exif_orientation_is_honoured(path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    Image.fromarray(np.rot90(NOISE)).save(path, exif=exif)
    np.testing.assert_array_equal(read_image(path, RGB), NOISE)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_are_put_on_white(path, mode):
    image = Image.new("RGBA", (6, 4), (200, 200, 200, 0)).convert(mode)
    image.save(path, **({"transparency": image.getpixel((0, 0))} if mode == "P" else {}))
    assert (read_image(path, RGB) == 255).all()
    assert (read_image(path, GREY) == 255).all()


def test_half_transparent_parts_are_mixed_with_white(path):
    Image.new("RGBA", (6, 4), (55, 155, 255, 128)).save(path)
    np.testing.assert_allclose(read_image(path, RGB)[0, 0], [155, 205, 255], atol=1)


def test_16_bit_grey_is_brought_to_8_bits(path):
    values = np.array([[0, 257, 128 * 257, 65535, 129, 128]] * 4, np.uint16)
    Image.fromarray(values).save(path)
    np.testing.assert_array_equal(read_image(path, GREY)[0, :, 0], [0, 1, 128, 255, 1, 0])


def test_resizing_is_bilinear_unless_said_otherwise(path):
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (9, 11, 3), np.uint8))
    image.save(path)
    np.testing.assert_array_equal(
        read_image(path, RGB), np.asarray(image.resize((6, 4), Image.Resampling.BILINEAR))
    )
    for resize in get_args(Resize):
        expected = image.resize((6, 4), Image.Resampling[resize.upper()])
        np.testing.assert_array_equal(
            read_image(path, replace(RGB, resize=resize)), np.asarray(expected)
        )


def test_of_several_frames_the_first_is_read(tmp_path):
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "two.gif", RGB)[0, 0].tolist() == [255, 0, 0]


def test_an_image_of_one_pixel_fills_the_frame(path):
    Image.new("RGB", (1, 1), "red").save(path)
    assert (read_image(path, RGB) == [255, 0, 0]).all()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_image_that_would_fill_the_memory_is_refused(path, monkeypatch):
    Image.fromarray(NOISE).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    with pytest.raises(DataError, match=r"cannot be read: .*decompression bomb"):
        read_image(path, RGB)


def test_find_lists_files_once_and_folders_sorted(tmp_path):
    for name in ("b.png", "a.jpg", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.png").mkdir()
    found = find_images([tmp_path / "c.txt", tmp_path, tmp_path / "a.jpg"])
    assert [path.name for path in found] == ["c.txt", "a.jpg", "b.png"]


# --- what scripts call


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder with five images of the demonstration's size."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def model() -> ir.Model:
    return ir.load(Path(jlrp.__file__).parent / "data" / "digits_resnet.h5")


def test_images_are_in_the_models_own_scale(model, photos):
    found = load_images(model, photos)
    assert len(found) == 5
    assert found.names == ("0", "1", "2", "3", "4")
    assert found.paths == tuple(photos / f"{name}.png" for name in found.names)
    assert found.left_out == {}
    assert (found.images.dtype, found.images.shape) == (np.float32, (5, 32, 32, 1))
    np.testing.assert_array_equal(found.images, found.pixels / np.float32(255))
    result = jlrp.explain(model, found.images, "epsilon_plus_flat")
    assert result.relevance.shape == found.images.shape


def test_a_frame_stands_for_its_model(model, photos):
    frame = frame_of(model, preprocess="tf", resize="nearest")
    by_frame, by_model = (
        load_images(frame, photos / "0.png"),
        load_images(model, [photos / "0.png"], preprocess="tf", resize="nearest"),
    )
    np.testing.assert_array_equal(by_frame.images, by_model.images)
    assert by_frame.frame == by_model.frame == frame
    with pytest.raises(DataError, match="A frame has its size already"):
        load_images(frame, photos, size=3)


def test_images_of_a_channels_first_model():
    shape = (None, 3, 4, 6)
    graph = ir.Graph([ir.Node("a", ir.MaxPool(data_format="channels_first"), ("x",))], ["x"], ["a"])
    frame = frame_of(ir.Model(graph, {}, (shape,)), preprocess="none")
    assert frame.channels_first


def test_what_cannot_be_read_is_left_out_and_said(model, photos):
    (photos / "2.png").write_text("no image")
    with pytest.warns(
        UserWarning, match=r"An image is left out: .*2\.png cannot be read: it is no image"
    ):
        found = load_images(model, photos)
    assert found.names == ("0", "1", "3", "4")
    assert list(found.left_out) == [photos / "2.png"]
    assert "it is no image of a known format." in found.left_out[photos / "2.png"]


def test_where_nothing_can_be_read_there_is_an_error(model, photos):
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(DataError, match=r"none\.png cannot be read: No such file"),
    ):
        load_images(model, photos / "none.png")
    for path in photos.iterdir():
        path.write_text("no image")
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(DataError, match=r"None of 5 images can be read; the first: .*0\.png"),
    ):
        load_images(model, photos)
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(DataError, match="None of 5 images can be read"),
    ):
        list(image_batches(model, photos, 2))


def test_batches_hold_all_images_in_order(model, photos):
    (photos / "1.png").write_text("no image")
    with pytest.warns(UserWarning, match=r"1\.png"):
        batches = list(image_batches(model, photos, batch_size=2))
    assert [batch.names for batch in batches] == [("0",), ("2", "3"), ("4",)]
    assert [len(batch.left_out) for batch in batches] == [1, 0, 0]
    with pytest.raises(DataError, match="batch_size=0"):
        image_batches(model, photos, batch_size=0)


def test_without_pillow_a_sentence_says_what_to_install():
    code = (
        "import sys; sys.modules['PIL'] = None; import jlrp\n"
        "print(jlrp.datasets.Labels(('a',)).title(0))\n"
        "try: jlrp.datasets.load_images\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    first, second = done.stdout.splitlines()
    assert first == "a (class 0)"
    assert second.startswith(
        "jlrp.datasets.load_images needs pillow, which comes with the extra cli"
    )
