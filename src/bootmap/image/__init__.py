"""Physical memory behind one small protocol."""
