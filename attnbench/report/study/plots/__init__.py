"""Pictures that are drawn from a study's plain data. They need matplotlib, which is imported when it is used."""
