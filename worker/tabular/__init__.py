"""Data sets from elsewhere: OpenML, and those that come with scikit-learn, which stays with the workers."""
