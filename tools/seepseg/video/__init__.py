"""Moving pictures: frames in, slicks with an identity out."""
